"""What a request that brings a video says, and its bytes, handed on while they arrive."""
