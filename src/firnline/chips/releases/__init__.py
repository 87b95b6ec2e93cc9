"""The release that a paper makes: patches or a table, masks, outlines, a data card, checksums."""
