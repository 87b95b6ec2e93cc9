"""Windows of a catalogue's files, copied, and made a scene."""
