"""The tree student's parts: bins, growth, search, leaves, text and drawing."""
