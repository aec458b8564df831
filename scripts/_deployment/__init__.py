"""What `ape run deploy` deploys, and how it is described."""
