"""What the JSON files hold, as frozen dataclasses: one class for each document."""
