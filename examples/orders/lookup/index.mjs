// Looks an order up. Its role may read the orders table and do nothing else.
import { DynamoDBClient, GetItemCommand } from "@aws-sdk/client-dynamodb";

const dynamodb = new DynamoDBClient({});

export const handler = async (event) => {
  const id = event.pathParameters.id;
  if (id.length > 36) return answer(404, { message: "no such order" });
  const { Item: item } = await dynamodb.send(
    new GetItemCommand({ TableName: process.env.ORDERS_TABLE, Key: { id: { S: id } } }),
  );
  if (!item) return answer(404, { message: `no order ${id}` });
  return answer(200, { id, article: item.article.S, quantity: Number(item.quantity.N) });
};

const answer = (statusCode, body) => ({
  statusCode,
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify(body),
});
