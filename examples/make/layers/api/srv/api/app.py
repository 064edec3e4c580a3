"""The shop's API, a stand-in."""
