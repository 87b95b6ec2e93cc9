"""What people do, kept for good: layers of outlines, every version of every outline, who changed it and why."""
