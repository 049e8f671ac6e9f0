"""Leaving: an account closes some days after its person asked, unless they think again."""
