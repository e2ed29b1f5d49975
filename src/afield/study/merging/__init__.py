"""A study in parts: shards, and result folders that become one."""
