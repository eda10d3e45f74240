"""The boosting student's parts: libraries and number of rounds."""
