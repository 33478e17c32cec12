"""Names and payloads of activities, importable by workflows: nothing here touches the world."""
