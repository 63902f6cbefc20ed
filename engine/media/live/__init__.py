"""Sources and targets that never end: cameras, screens, network streams, the browser, OBS."""
