"""Images, from their rows to their messages."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from api import messages
from api.call import current_call
from api.listings import listing_of, token_after
from api.masks import paths_of
from api.regions import Regions
from mulligan import events
from mulligan.control import images
from mulligan.control.tables import Image
from mulligan.meta import names
from mulligan_client.gen.mulligan.control.v1 import control_pb2


class Images:
    """The RPCs of images."""

    def __init__(self, regions: Regions) -> None:
        self._regions = regions

    async def create(self, request: control_pb2.CreateImageRequest) -> control_pb2.Image:
        """Register an image."""
        call = current_call()
        await self._regions.require_here(request.region, request=request)
        spec = request.spec

        def create(session: Session) -> control_pb2.Image:
            row = images.create_image(
                session,
                region=request.region,
                name=request.name,
                url=spec.url,
                sha256=spec.sha256,
                disk_format=spec.disk_format,
                activation=spec.activation,
                config_format=spec.config_format,
                author=call.caller.account,
                image=request.image_id,
                sealed_credentials=spec.sealed_credentials,
            )
            return _images(session, [row])[0]

        return await call.write(request, control_pb2.Image, create)

    async def get(self, image: str) -> control_pb2.Image:
        """Show one image."""
        caller = current_call().caller
        return await current_call().read(
            lambda session: _images(session, images.get_images(session, [image], caller.sees))[0]
        )

    async def get_all(
        self, request: control_pb2.BatchGetImagesRequest
    ) -> control_pb2.BatchGetImagesResponse:
        """Show several images."""
        caller = current_call().caller

        def read(session: Session) -> control_pb2.BatchGetImagesResponse:
            rows = images.get_images(session, request.ids, caller.sees)
            return control_pb2.BatchGetImagesResponse(
                images=messages.at_once(_images(session, rows))
            )

        return await current_call().read(read)

    async def list(self, request: control_pb2.ListImagesRequest) -> control_pb2.ListImagesResponse:
        """List images."""
        listing = listing_of(request, "image")
        hidden = current_call().caller.hidden_regions

        def read(session: Session) -> control_pb2.ListImagesResponse:
            revision = events.current_revision(session)
            page = images.list_images(session, request.region, listing, hidden=hidden)
            shown = messages.fitting(_images(session, page.items))
            return control_pb2.ListImagesResponse(
                images=shown,
                next_page_token=token_after(page, shown),
                revision=revision,
            )

        return await current_call().read(read)

    async def update(self, request: control_pb2.UpdateImageRequest) -> control_pb2.Image:
        """Change an image's name."""
        call = current_call()
        paths_of(request, ("name",))

        def update(session: Session) -> control_pb2.Image:
            row = images.rename_image(
                session,
                request.id,
                request.name,
                generation=request.generation,
                author=call.caller.account,
            )
            return _images(session, [row])[0]

        return await call.write(request, control_pb2.Image, update)

    async def delete(
        self, request: control_pb2.DeleteImageRequest
    ) -> control_pb2.DeleteImageResponse:
        """Forget an image."""
        call = current_call()

        def delete(session: Session) -> control_pb2.DeleteImageResponse:
            images.delete_image(session, request.id, call.caller.account)
            return control_pb2.DeleteImageResponse()

        return await call.write(request, control_pb2.DeleteImageResponse, delete)


def _images(session: Session, rows: Sequence[Image]) -> list[control_pb2.Image]:
    described = names.describe(session, [row.id for row in rows])
    return [
        control_pb2.Image(
            metadata=messages.metadata(row, described, region=row.region),
            spec=control_pb2.ImageSpec(
                url=row.url,
                sha256=row.sha256,
                disk_format=row.disk_format,
                activation=row.activation,
                config_format=row.config_format,
            ),
        )
        for row in rows
    ]
