"""Power made and stored on site: the rule of dispatch, the sun, and the process that follows a site's load."""
