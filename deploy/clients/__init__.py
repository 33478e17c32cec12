"""The smart clients, drawn from the protos: one model, one writer for each language."""
