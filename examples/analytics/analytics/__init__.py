"""`analytics`: a reference backend that answers questions about sales and streams live metrics."""
