"""Job and cluster settings that arraymill ships, as YAML files."""
