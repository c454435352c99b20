// Nothing is kept in the browser: a shared computer tells the next person nothing. htmx would keep the page's address.

Storage.prototype.setItem = () => {};
