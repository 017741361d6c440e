// What can be scrolled can be reached with the keyboard, too.
function reachable() {
  for (const box of document.querySelectorAll("pre code, .md-typeset__scrollwrap"))
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
}
new MutationObserver(reachable).observe(document.body, { childList: true, subtree: true });
addEventListener("load", reachable);
addEventListener("resize", reachable);
reachable();
