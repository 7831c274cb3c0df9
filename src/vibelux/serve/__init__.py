"""What others see of the desk: REST, WebSocket, keys, metrics, the page. No SQL, no upstream, no decisions."""
