"""What others see of the desk: REST, WebSocket, keys, metrics and the page. No SQL, no upstream, no decision of its own."""
