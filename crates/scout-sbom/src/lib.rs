//! Layer bytes in, packages out, and how layers compose to an image.
