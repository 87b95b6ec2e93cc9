"""Pictures of a table of chips: contact sheets and maps."""
