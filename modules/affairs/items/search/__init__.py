"""Search over short Chinese texts by words, sounds, initials and spoken phrases."""
