import assert from "node:assert/strict";
import { test } from "node:test";

import { create } from "@bufbuild/protobuf";

import { type Site, onlySite } from "../src/catalogue.js";
import { ListAuditEventsResponseSchema } from "../src/gen/mulligan/common/v1/common_pb.js";
import { ListDifferencesResponseSchema } from "../src/gen/mulligan/control/v1/control_pb.js";
import { ListOperationsResponseSchema } from "../src/gen/mulligan/control/v1/control_pb.js";
import { DescribeObjectsResponseSchema } from "../src/gen/mulligan/meta/v1/meta_pb.js";
import { ListTagsResponseSchema } from "../src/gen/mulligan/meta/v1/meta_pb.js";
import { everywhere, Whereabouts } from "../src/whereabouts.js";

const north: Site = { ...onlySite, id: "north" };

test("the place of the latest objects is remembered, in any case of their ids", () => {
  const places = new Whereabouts();
  for (let number = 0; number <= 10_000; number++) {
    places.noteId(`Object-${number}`, "north");
  }
  assert.deepEqual([places.of("object-0"), places.of("OBJECT-1")], ["", "north"]);
  places.noteId("object-1", "south");
  places.noteId("one more", "north");
  assert.deepEqual([places.of("object-1"), places.of("object-2")], ["south", ""]);
  places.forget("OBJECT-1");
  assert.equal(places.of("object-1"), "");
});

test("a place is learned from objects, not from what mentions them", () => {
  const places = new Whereabouts();
  const mentioned = { objectId: "machine", operation: "operation", objectType: "machine" };
  const mentions = [
    create(ListAuditEventsResponseSchema, { events: [mentioned] }),
    create(ListDifferencesResponseSchema, { differences: [{ objectId: "machine" }] }),
    create(ListTagsResponseSchema, { objects: [{ objectId: "machine", tags: ["web"] }] }),
  ];
  mentions.forEach((one) => places.note(one, north));
  assert.deepEqual([places.of("machine"), places.of("operation")], ["", ""]);

  const metadata = { id: "operation", region: "region", project: "project" };
  const operations = [{ metadata, objectType: "machine", objectId: "machine" }];
  places.note(create(ListOperationsResponseSchema, { operations }), north);
  const objects = [{ id: "project", objectType: "project" }];
  places.note(create(DescribeObjectsResponseSchema, { objects }), north);
  const known = ["machine", "operation", "project", "region"].map((one) => places.of(one));
  assert.deepEqual(known, ["north", "north", everywhere, ""]);
});
