"""Getting published weights, converting them, and publishing ours and the demo on the Hub."""
