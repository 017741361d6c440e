"""Any table by configuration: find out what it holds, read it, build its features."""
