"""What a browser or a performer talks to: routes, sockets, WebRTC, links for OBS, access and limits."""
