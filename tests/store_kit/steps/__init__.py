"""Small steps that exercise the store kit."""
