"""Reports: terminal, HTML, JSON and CSV."""
