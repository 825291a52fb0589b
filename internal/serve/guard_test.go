package serve

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"sluice/internal/pipeline"
	"sluice/internal/setup"
)

// newServer is a server over an empty lake, which a test asks through Handler.
func newServer(t *testing.T, edit func(*Options)) *Server {
	t.Helper()
	dir := t.TempDir()
	at, err := setup.New(t.Context(), setup.Lake(dir), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(at.Close)
	o := Options{
		Setup: at, Folder: dir, Write: true, Address: "127.0.0.1:8321", Version: "test",
		Warn: func(err error) { t.Log("warn:", err) }, Tell: func(*pipeline.Summary) {},
	}
	if edit != nil {
		edit(&o)
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// ask makes a request as the page does; edit changes it before.
func ask(s *Server, method, target, body string, edit func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Host = s.o.Address
	r.AddCookie(&http.Cookie{Name: s.cookie(), Value: s.token})
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if edit != nil {
		edit(r)
	}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w
}

func TestHosts(t *testing.T) {
	s := newServer(t, nil)
	for host, want := range map[string]int{
		"127.0.0.1:8321": 200, "localhost:8321": 200, "LOCALHOST:8321": 200, "[::1]:8321": 200,
		"127.0.0.1": 421, "localhost:80": 421, "example.com": 421, "example.com:8321": 421, "127.0.0.1:8321.example.com": 421, "": 421,
	} {
		for _, target := range []string{"/", "/api/lake"} {
			w := ask(s, "GET", target, "", func(r *http.Request) { r.Host = host })
			if w.Code != want {
				t.Errorf("host %q, %s: %d, want %d", host, target, w.Code, want)
			}
			if w.Header().Get("Content-Security-Policy") != policy || w.Header().Get("X-Content-Type-Options") != "nosniff" || w.Header().Get("Referrer-Policy") != "no-referrer" {
				t.Errorf("host %q, %s: headers %v", host, target, w.Header())
			}
			if w.Header().Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("host %q, %s: another origin may read the answer", host, target)
			}
		}
	}
}

func TestToken(t *testing.T) {
	s := newServer(t, nil)
	w := ask(s, "GET", "/?token="+s.token, "", func(r *http.Request) { r.Header.Del("Cookie") })
	cookies := w.Result().Cookies()
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/" || len(cookies) != 1 {
		t.Fatalf("with the token: %d to %q, cookies %v", w.Code, w.Header().Get("Location"), cookies)
	}
	if c := cookies[0]; c.Name != "sluice_8321" || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" {
		t.Errorf("cookie %+v", c)
	}
	for _, token := range []string{"", "x", s.token + "x", s.token[1:]} {
		if w := ask(s, "GET", "/?token="+token, "", nil); w.Code != 401 || len(w.Result().Cookies()) > 0 {
			t.Errorf("with token %q: %d, cookies %v", token, w.Code, w.Result().Cookies())
		}
		w := ask(s, "GET", "/api/lake", "", func(r *http.Request) {
			r.Header.Del("Cookie")
			r.AddCookie(&http.Cookie{Name: s.cookie(), Value: token})
		})
		if w.Code != 401 || !strings.Contains(w.Body.String(), `"error":`) {
			t.Errorf("with cookie %q: %d %s", token, w.Code, w.Body)
		}
	}
	// A cookie of another start on this port, with another path, may come too.
	w = ask(s, "GET", "/api/lake", "", func(r *http.Request) {
		r.Header.Set("Cookie", s.cookie()+"=old; "+s.cookie()+"="+s.token)
	})
	if w.Code != 200 {
		t.Errorf("with an old and the present cookie: %d", w.Code)
	}
}

// requestOf is a request that a route answers.
func requestOf(r route) (method, target string) {
	method, target, _ = strings.Cut(r.pattern, " ")
	return method, strings.NewReplacer("{id}", strings.Repeat("0", 64), "{t}", "order_lines").Replace(target)
}

// No request of another site reaches a route, whatever it would do.
func TestEveryRouteIsGuarded(t *testing.T) {
	s := newServer(t, nil)
	for _, r := range routes() {
		method, target := requestOf(r)
		if w := ask(s, method, target, "{}", func(r *http.Request) { r.Header.Del("Cookie") }); w.Code != 401 {
			t.Errorf("%s without a cookie: %d", r.pattern, w.Code)
		}
		if w := ask(s, method, target, "{}", func(r *http.Request) { r.Host = "example.com" }); w.Code != 421 {
			t.Errorf("%s for another host: %d", r.pattern, w.Code)
		}
		if method == "GET" {
			continue
		}
		for name, edit := range map[string]func(*http.Request){
			"cross-site": func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
			"same-site":  func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") },
			"origin": func(r *http.Request) {
				r.Header.Del("Sec-Fetch-Site")
				r.Header.Set("Origin", "https://example.com")
			},
			"port": func(r *http.Request) {
				r.Header.Del("Sec-Fetch-Site")
				r.Header.Set("Origin", "http://127.0.0.1:8322")
			},
			"null": func(r *http.Request) {
				r.Header.Del("Sec-Fetch-Site")
				r.Header.Set("Origin", "null")
			},
		} {
			if w := ask(s, method, target, "{}", edit); w.Code != 403 {
				t.Errorf("%s, %s: %d, want 403", r.pattern, name, w.Code)
			}
		}
	}
}

// Every route that is not a GET says whether it changes the lake; a read-only server
// refuses those that do.
func TestReadOnly(t *testing.T) {
	s := newServer(t, func(o *Options) { o.Write = false })
	// These read, though they have a body.
	asked := map[string]bool{
		"POST /api/mapping/check": true, "POST /api/mapping/infer": true, "POST /api/mapping/diff": true,
		"POST /api/quarantine/{id}/preview": true, "POST /api/sql": true,
	}
	for _, r := range routes() {
		method, target := requestOf(r)
		switch {
		case method == "GET" && r.access == changes:
			t.Errorf("%s changes the lake; a GET must not", r.pattern)
		case method != "GET" && r.access == reads && !asked[r.pattern]:
			t.Errorf("%s must say that it changes the lake", r.pattern)
		case r.access == changes:
			if w := ask(s, method, target, "{}", nil); w.Code != 403 {
				t.Errorf("%s: %d, want 403", r.pattern, w.Code)
			}
		}
	}
}

// A body that is larger than an answer can use is not read.
func TestBodies(t *testing.T) {
	s := newServer(t, nil)
	for _, r := range routes() {
		method, target := requestOf(r)
		if method == "GET" || r.body <= 0 {
			continue
		}
		body := `{"text":"` + strings.Repeat("x", int(r.body)) + `"}`
		if w := ask(s, method, target, body, nil); w.Code != http.StatusRequestEntityTooLarge {
			t.Errorf("%s: %d %.200s", r.pattern, w.Code, w.Body)
		}
	}
}

// What is not there is answered as JSON, and no file beside the page is.
func TestUnknown(t *testing.T) {
	s := newServer(t, nil)
	for _, target := range []string{"/api/", "/api/nothing", "/api/objects/x/y"} {
		if w := ask(s, "GET", target, "", nil); w.Code != 404 || !strings.Contains(w.Body.String(), `"error":`) {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
	for _, target := range []string{"/nothing", "/page.go", "/../server.go", "/%2e%2e/server.go", "/page/index.html", "/index.html/", "//etc/passwd"} {
		if w := ask(s, "GET", target, "", nil); w.Code == 200 {
			t.Errorf("%s: %d %.100s", target, w.Code, w.Body)
		}
	}
	if w := ask(s, "DELETE", "/api/objects", "", nil); w.Code != 405 && w.Code != 404 {
		t.Errorf("a method that is not there: %d", w.Code)
	}
}

func TestAddresses(t *testing.T) {
	for address, ok := range map[string]bool{
		"127.0.0.1:8321": true, "127.0.0.1:0": true, "[::1]:8321": true,
		"0.0.0.0:8321": false, ":8321": false, "localhost:8321": false, "192.0.2.1:8321": false, "[::]:8321": false,
		"127.0.0.1": false, "127.0.0.1:http": false, "127.0.0.1:65536": false, "127.0.0.1:": false, "": false,
	} {
		if err := CheckAddress(address); (err == nil) != ok {
			t.Errorf("%q: %v", address, err)
		}
	}
}
