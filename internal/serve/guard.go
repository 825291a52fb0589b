package serve

import (
	"crypto/subtle"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// policy is what a page may load and do: only what comes from here, no script or
// style in the text of a page.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// Outside lets other machines reach the page: over TLS, under the names of the
// certificate, with a token that they know.
type Outside struct {
	Token       string
	Certificate tls.Certificate
}

// fewestToken is the length of a token that cannot be guessed: 128 bits as base64.
const fewestToken = 22

// check makes sure that the token is long enough, and reads the certificate's names.
func (o *Outside) check() error {
	if len(o.Token) < fewestToken || strings.ContainsFunc(o.Token, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`",;\&#+%`, r) }) {
		return fmt.Errorf("the token needs %d or more letters, digits and other characters of an address and a cookie; openssl rand -hex 16 makes one", fewestToken)
	}
	if o.Certificate.Leaf == nil {
		return errors.New("the certificate cannot be read")
	}
	if len(o.Certificate.Leaf.DNSNames)+len(o.Certificate.Leaf.IPAddresses) == 0 {
		return errors.New("the certificate names no host")
	}
	return nil
}

// host is a name under which others reach the page.
func (o *Outside) host() string {
	if names := o.Certificate.Leaf.DNSNames; len(names) > 0 {
		return names[0]
	}
	return o.Certificate.Leaf.IPAddresses[0].String()
}

// CheckAddress makes sure that only this machine reaches an address.
func CheckAddress(address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("address %q: %w", address, err)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n > 65535 {
		return fmt.Errorf("address %q: the port is no number from 0 to 65535", address)
	}
	if host != "127.0.0.1" && host != "::1" {
		return fmt.Errorf("address %q: only 127.0.0.1 and [::1] are possible, as the page shows and changes all of the lake; for other machines use an SSH tunnel, or give --token, --tls-cert and --tls-key", address)
	}
	return nil
}

// Handler answers all requests.
func (s *Server) Handler() http.Handler {
	api := http.NewServeMux()
	for _, r := range routes() {
		api.Handle(r.pattern, s.route(r))
	}
	api.HandleFunc("/api/", func(w http.ResponseWriter, r *http.Request) {
		answerError(w, fail(http.StatusNotFound, "%s %s: there is no such request", r.Method, r.URL.Path))
	})
	mux := http.NewServeMux()
	mux.Handle("/api/", s.known(http.NewCrossOriginProtection().Handler(api)))
	mux.Handle("/", s.page())
	return s.local(mux)
}

// local refuses other names of this machine: a page of another site could have the
// browser look up such a name and reach this server as its own.
func (s *Server) local(next http.Handler) http.Handler {
	hosts := []string{"127.0.0.1", "localhost", "[::1]"}
	for i, h := range hosts {
		hosts[i] = h + ":" + s.port
		if s.port == "80" {
			hosts = append(hosts, h)
		}
	}
	ours := func(host string) bool { return slices.Contains(hosts, strings.ToLower(host)) }
	if o := s.o.Outside; o != nil {
		hosts = []string{net.JoinHostPort(o.host(), s.port)}
		ours = func(host string) bool {
			name, port, err := net.SplitHostPort(host)
			if err != nil {
				name, port = host, "443"
			}
			return port == s.port && o.Certificate.Leaf.VerifyHostname(name) == nil
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		if strings.HasPrefix(r.URL.Path, "/api/") {
			h.Set("Cache-Control", "no-store")
		}
		if !ours(r.Host) {
			answerError(w, fail(http.StatusMisdirectedRequest, "the request is for another host").with("open "+hosts[0]))
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (s *Server) cookie() string { return "sluice_" + s.port }

func (s *Server) isToken(given string) bool {
	return subtle.ConstantTimeCompare([]byte(given), []byte(s.token)) == 1
}

// known refuses requests without the cookie, which the address with the token sets.
func (s *Server) known(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, c := range r.CookiesNamed(s.cookie()) {
			if s.isToken(c.Value) {
				next.ServeHTTP(w, r)
				return
			}
		}
		answerError(w, fail(http.StatusUnauthorized, "%s %s: the token is missing or of an earlier start", r.Method, r.URL.Path).
			with("open the address that sluice serve has printed, with its token"))
	})
}

// enter sets the cookie if the address has the token, and takes the token out of
// the address.
func (s *Server) enter(w http.ResponseWriter, r *http.Request) {
	if !s.isToken(r.URL.Query().Get("token")) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprintln(w, "The token of this address is of an earlier start, or wrong. Open the address that sluice serve has printed.")
		return
	}
	http.SetCookie(w, &http.Cookie{Name: s.cookie(), Value: s.token, Path: "/", HttpOnly: true, Secure: s.o.Outside != nil, SameSite: http.SameSiteStrictMode})
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// route bounds the body of a request, refuses changes of a read-only lake, and
// turns errors into answers.
func (s *Server) route(to route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if to.access == changes && !s.o.Write {
			answerError(w, fail(http.StatusForbidden, "%s %s: the lake is only read here", r.Method, r.URL.Path).with("start sluice serve with --write"))
			return
		}
		if to.body >= 0 {
			r.Body = http.MaxBytesReader(w, r.Body, to.body)
		}
		if err := to.answer(s, w, r); err != nil {
			answerError(w, err)
		}
	})
}
