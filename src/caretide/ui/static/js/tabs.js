// The tab of this page is in sight also where all tabs are wider than the screen. Without script they can be pushed there.

for (const here of document.querySelectorAll(".tabs a[aria-current]")) {
  const tabs = here.closest(".tabs");
  const [outer, inner] = [tabs.getBoundingClientRect(), here.getBoundingClientRect()];
  tabs.scrollLeft += inner.left - outer.left - (outer.width - inner.width) / 2;
}
