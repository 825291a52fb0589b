package serve

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// certificate is one of its own for some names, and the pool that trusts it.
func certificate(t *testing.T, names ...string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, pool
}

const chosenToken = "0123456789abcdef0123456789abcdef"

func TestOutsideHosts(t *testing.T) {
	pair, _ := certificate(t, "lake.example.com", "*.lakes.example.com", "192.0.2.1")
	s := newServer(t, func(o *Options) { o.Outside = &Outside{Token: chosenToken, Certificate: pair} })
	for host, want := range map[string]int{
		"lake.example.com:8321": 200, "LAKE.example.com:8321": 200, "a.lakes.example.com:8321": 200, "192.0.2.1:8321": 200,
		"lake.example.com": 421, "127.0.0.1:8321": 421, "localhost:8321": 421, "example.com:8321": 421, "": 421, "lake.example.com:8321.example.org": 421,
	} {
		if w := ask(s, "GET", "/api/lake", "", func(r *http.Request) { r.Host = host }); w.Code != want {
			t.Errorf("host %q: %d, want %d", host, w.Code, want)
		}
	}
	w := ask(s, "GET", "/?token="+chosenToken, "", func(r *http.Request) { r.Host = "lake.example.com:8321"; r.Header.Del("Cookie") })
	if c := w.Header().Get("Set-Cookie"); w.Code != 303 || !strings.Contains(c, "; Secure") || !strings.Contains(c, "SameSite=Strict") {
		t.Errorf("%d, cookie %q", w.Code, c)
	}
	if strings.Contains(s.URL(), chosenToken) || !strings.HasPrefix(s.URL(), "https://lake.example.com:8321/") {
		t.Errorf("the address is %s", s.URL())
	}
}

func TestOutsideNeeds(t *testing.T) {
	pair, _ := certificate(t, "lake.example.com")
	nobody, _ := certificate(t)
	for name, o := range map[string]Outside{
		"no token": {Certificate: pair}, "short": {Token: "0123456789", Certificate: pair}, "spaces": {Token: "0123456789 abcdef0123456789", Certificate: pair},
		"not for a cookie": {Token: "0123456789;abcdef0123456789", Certificate: pair}, "no certificate": {Token: chosenToken}, "no names": {Token: chosenToken, Certificate: nobody},
	} {
		at := newServer(t, nil).Setup()
		if _, err := New(Options{Setup: at, Address: "0.0.0.0:8321", Outside: &o}); err == nil || strings.Contains(err.Error(), "0123456789") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Others are answered over TLS alone, and with the token alone.
func TestOutsideServes(t *testing.T) {
	pair, pool := certificate(t, "lake.example.com")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := newServer(t, func(o *Options) {
		o.Address, o.Outside = l.Addr().String(), &Outside{Token: chosenToken, Certificate: pair}
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, l) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: pool},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, l.Addr().String())
		},
	}}
	defer client.CloseIdleConnections()
	get := func(url, token string) int {
		r, err := http.NewRequestWithContext(ctx, "GET", url, nil)
		if err != nil {
			t.Fatal(err)
		}
		if token != "" {
			r.AddCookie(&http.Cookie{Name: "sluice_" + port, Value: token})
		}
		answer, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		return answer.StatusCode
	}
	at := "lake.example.com:" + port + "/api/lake"
	for _, c := range []struct {
		url, token string
		want       int
	}{{"https://" + at, chosenToken, 200}, {"https://" + at, "", 401}, {"https://" + at, chosenToken[1:], 401}, {"http://" + at, chosenToken, 400}} {
		if got := get(c.url, c.token); got != c.want {
			t.Errorf("%s: %d, want %d", c.url, got, c.want)
		}
	}
}
