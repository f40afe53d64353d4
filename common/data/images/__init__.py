"""Images without landmarks: folders, zip files, labels, sources and their pipeline."""
