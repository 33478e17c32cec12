"""mulligan thaw: see `freeze`."""

from mulligan_client.commands.freeze import thaw as thaw
