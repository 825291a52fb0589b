package browser

import "testing"

// The pictures of README.md: `make browser`, then copy them from artefacts/ to docs/.
func TestPictures(t *testing.T) {
	b := filled(t)
	for _, scheme := range []string{"light", "dark"} {
		b.look(1280, 760, scheme)
		b.visit("#/tables")
		b.visit("#/tables/order_lines?form=bar&x=order_date&y=product_price&of=sum&split=product_category")
		b.until("the chart", "document.querySelector('.picture canvas') && document.querySelector('.legend') && !document.querySelector('main .loading')")
		b.until("the drawing to settle", "new Promise(done => setTimeout(() => done(true), 300))")
		b.shoot("page-" + scheme)
	}
}
