"""The commands' work: files in, files out, and what is said on the terminal."""
