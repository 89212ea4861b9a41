"""What the portal does by the clock, without anybody asking: one file a chore, and the timetable of all of them."""
