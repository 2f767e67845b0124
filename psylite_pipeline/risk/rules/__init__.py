"""The rules and the language they are written in: files, phrases, one search for all of them, what a match means."""
