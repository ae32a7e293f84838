// SPDX-License-Identifier: Apache-2.0
// node_opcua.mjs DIRECTORY: a node-opcua-pki store in DIRECTORY/node with a
// trusted application certificate, a CA with its CRL as issuer, and a rejected
// certificate; each also as DER in DIRECTORY. With a second argument, a store
// to read instead: prints what node-opcua-pki says of DIRECTORY/app.der.
import { readFileSync, writeFileSync } from "node:fs";
import { execFileSync } from "node:child_process";
import path from "node:path";
import { CertificateManager, CertificateAuthority } from "node-opcua-pki";
import { convertPEMtoDER, readCertificate, readCertificateRevocationList }
	from "node-opcua-crypto";

const base = process.argv[2];
const store = process.argv[3] ?? path.join(base, "node");

async function ask() {
	const manager = new CertificateManager({ location: store });
	await manager.initialize();
	const status = await manager.verifyCertificate(
		readFileSync(path.join(base, "app.der")), {});
	console.log(status);
	await manager.dispose();
}

function pem(file) {
	return convertPEMtoDER(readFileSync(file, "utf8"));
}

async function make() {
	const authority = new CertificateAuthority({
		keySize: 2048, location: path.join(base, "ca"),
		subject: "/CN=Node CA/O=Plant" });
	await authority.initialize();
	const own = new CertificateManager({ location: path.join(base, "own"),
		keySize: 2048 });
	await own.initialize();
	const csr = await own.createCertificateRequest({
		applicationUri: "urn:plant:node", dns: ["pump"],
		subject: "/CN=Node application/O=Plant",
		startDate: new Date(Date.now() - 86400000), validity: 30 });
	const signed = path.join(base, "app.pem");
	await authority.signCertificateRequest(signed, csr, {
		applicationUri: "urn:plant:node", dns: ["pump"],
		startDate: new Date(Date.now() - 86400000), validity: 30 });
	const selfSigned = path.join(base, "rejected.pem");
	await own.createSelfSignedCertificate({
		applicationUri: "urn:plant:node", dns: ["pump"],
		subject: "/CN=Rejected/O=Plant", outputFile: selfSigned,
		startDate: new Date(Date.now() - 86400000), validity: 30 });

	const app = pem(signed);
	const ca = pem(authority.caCertificate);
	const crl = await readCertificateRevocationList(authority.revocationList);
	writeFileSync(path.join(base, "app.der"), app);
	writeFileSync(path.join(base, "ca.der"), ca);

	const manager = new CertificateManager({ location: store });
	await manager.initialize();
	await manager.addIssuer(ca);
	await manager.addRevocationList(crl);
	await manager.trustCertificate(app);
	await manager.rejectCertificate(pem(selfSigned));
	await manager.dispose();
	await own.dispose();
}

await (process.argv[3] ? ask() : make());
process.exit(0);
