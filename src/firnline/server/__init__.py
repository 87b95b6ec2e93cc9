"""The web tool's back end: it knows HTTP and keeps what people do; it holds no science."""
