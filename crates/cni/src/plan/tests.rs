mod choosing;
mod reading;
