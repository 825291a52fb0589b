package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

type order struct {
	OrderID     string    `json:"order_id"`
	OrderDate   time.Time `json:"order_date"`
	TotalAmount money     `json:"total_amount"`
	Customer    struct {
		CustomerID string `json:"customer_id"`
		Name       string `json:"name"`
		Email      string `json:"email"`
		Address    string `json:"address"`
	} `json:"customer"`
	Products []struct {
		ProductID string `json:"product_id"`
		Name      string `json:"name"`
		Category  string `json:"category"`
		Price     money  `json:"price"`
		Quantity  int64  `json:"quantity"`
	} `json:"products"`
}

// row is a line of the table; the tags are parquet-go's.
type row struct {
	OrderID         string `parquet:"order_id"`
	OrderDate       int64  `parquet:"order_date,timestamp(microsecond)"`
	CustomerID      string `parquet:"customer_id,dict"`
	CustomerName    string `parquet:"customer_name,dict"`
	CustomerEmail   string `parquet:"customer_email,dict"`
	CustomerAddress string `parquet:"customer_address,dict"`
	ProductID       string `parquet:"product_id,dict"`
	ProductCategory string `parquet:"product_category,dict"`
	ProductName     string `parquet:"product_name,dict"`
	ProductPrice    int64  `parquet:"product_price,decimal(4:18),dict"`
	ProductQuantity int64  `parquet:"product_quantity,dict"`
	TotalAmount     int64  `parquet:"total_amount,decimal(4:18)"`
}

func (o *order) appendRows(rows []row) []row {
	for i := range o.Products {
		p := &o.Products[i]
		rows = append(rows, row{
			OrderID:         o.OrderID,
			OrderDate:       o.OrderDate.UnixMicro(),
			CustomerID:      o.Customer.CustomerID,
			CustomerName:    o.Customer.Name,
			CustomerEmail:   o.Customer.Email,
			CustomerAddress: o.Customer.Address,
			ProductID:       p.ProductID,
			ProductCategory: p.Category,
			ProductName:     p.Name,
			ProductPrice:    int64(p.Price),
			ProductQuantity: p.Quantity,
			TotalAmount:     int64(o.TotalAmount),
		})
	}
	return rows
}

// money is a decimal of four digits after the point, read from its text.
type money int64

func (m *money) UnmarshalJSON(text []byte) error {
	whole, fraction, _ := strings.Cut(string(text), ".")
	if len(fraction) > 4 {
		return fmt.Errorf("more than four decimals")
	}
	n, err := strconv.ParseInt(whole+fraction+"0000"[len(fraction):], 10, 64)
	*m = money(n)
	return err
}
