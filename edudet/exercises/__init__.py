"""The exercises of the course: tasks, tests, known mistakes and right solutions."""
