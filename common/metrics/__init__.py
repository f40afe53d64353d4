"""Pure metric functions, one file a metric."""
