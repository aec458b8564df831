"""Generated contract ABIs, one JSON file per contract."""
