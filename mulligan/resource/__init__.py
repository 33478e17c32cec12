"""What there is, and who has claimed it when: providers, inventories, networks and claims."""
