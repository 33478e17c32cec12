"""Smart client of Mulligan: `client.Client` for programs, `command.main` for people."""
