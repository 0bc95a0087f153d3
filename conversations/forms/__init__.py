"""What people type into the desk, checked for shape. What it means is the verbs' business."""
