"""The Loihi backend: Lava programs, .net files, and their verification."""
