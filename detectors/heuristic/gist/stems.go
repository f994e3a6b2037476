package gist

import "strings"

// stemSigns are signs, and what more is known of a stem.
type stemSigns uint32

const (
	signs              = Sign(1<<len(weight) - 1)
	open     stemSigns = 1 << (16 + iota) // more letters may follow
	negation                              // not, without
	telling                               // to tell, to ask: covert behind a negation
)

// vocabulary lists stems by sign, a star for an open end. Stems of one spelling add up.
var vocabulary = []struct {
	means stemSigns
	words string
}{
	{stemSigns(Addressee), `
		model models modell* modelo* modèle* modello* модел* model* assistant* asistent* asistente* assistente* assistent* assistenz* avustaj* asszisztens* ügynök* agentti* tekoäly* sztuczn* ассистентк*
		ассистент* помощник* agent agents agente* agenten агент* ai ki ia llm llms gpt claude gemini copilot chatbot* bot bots
		orchestrat* crawler* automated automatis* automatiz* automatisch* asystent* yardımcı* asistan* ajan* нейросет* ии
		copilote siri alexa logiciel* kopilot* μοντέλο* βοηθ* agenta agentów modeli`},
	{stemSigns(You), `
		you your yours reader readers system* sistema* système* система* peers machine machines processor* processing
		du dein* sie ihr* vous votre tú tu usted você вы вас ваш* whoever helper* software programm* programa* caller callers`},
	{stemSigns(Private), `
		password* passwort* passwörter* contraseña* senha* passe mdp parol* парол* hasł* şifre* credential* secret* geheim* secreto*
		token* key keys apikey* schlüssel* clé clés clave* chave* ключ* klucz* anahtar* wallet* cookie* card cards karte* tarjeta* carte
		cartão cartões карт* iban bank* banc* банк* account accounts konto* conto conti cuenta* compte* conta contas счет* счёт* passport* pasaporte* passeport* паспорт*
		снилс reisepass phone* telefon* teléfono* téléphone* telefone* телефон* address addresses addressbook adress* adresse* dirección* direcciones endereço*
		адрес* email emails mail mails inbox mailbox posteingang* correo* courriel* почт* contact contacts kontakt* contacto* contatto*
		контакт* salary salaries wage* pay gehalt* lohn salaire* salario* зарплат* health medical diagnos* patient* paciente* patienten*
		analític* zugang* krankheit* birth birthday* geburt* message messages nachricht* mensaje* mensage* messagerie* сообщени* wiadomoś* history verlauf* historial
		historique* истори* conversation* wachtwoord* klant* gegevens berichten użytkownik* klient* kont* dane kullanıc* müşteri* hesa* mesaj* mesajlar cronologia indirizzo messaggi* dati dados datos données daten данн* переписк* деньги
		gespräch* conversación conversa* разговор* chat chats calendar* kalender* calendrier* calendario*
		календар* document documents dokument* documento* downloads folder folders ordner* carpeta* dossier* pasta папк* customer customers
		client clients kunde* kundin* cliente* клиент* private privat* privé* privad* личн* personal* confidential* vertraulich*
		confidenc* environment env ssh netrc photo photos foto fotos location* standort* children kinder* enfants hijos дет*
		employee* mitarbeiter* employé* empleado* сотрудник* crm balance* overdraft* loan* marge* margin* prices price credit* crédit*
		kredit* database* records datei* archivo* fichier* arquivo* файл* respondent* candidate* vault* invoice*
		recording* prompt prompts backup* seed mnemonic child parent* printenv shell competing offer offers roster guest*
		album friend friends user users nutzer* benutzer* usuario* utilisateur* utente* пользовател* snapshots thread payment* status approval* contract* vertrag* zahlung* contrat* estado pedido* competitor* vendor* candidat* ticket* rating* score scores config* directory directories plan plans fee fees hinweis* возврат* договор* заказ* sms reservation* booking* settlement* bankdat* diff`},
	{stemSigns(Grave), `
		password* passwort* passwörter* contraseña* senha* mdp parol* парол* hasł* şifre* credential* token* apikey* card cards tarjeta* iban bank* banc* банк* passport* pasaporte* passeport* паспорт*
		reisepass wallet cookie* salary salaries gehalt* salaire* salario* зарплат* medical diagnos* birth* geburt* phone* teléfono* téléphone* телефон* secret secrets ssh netrc env seed mnemonic
		conversation* chat chats history inbox contacts kontakte contactos`},
	{stemSigns(Act), `
		send sends sending sent forward* upload* post posts posted email* mail mails export* copy copies copying attach* append* add adds adding paste*
		put puts place places insert* include includes including write writes writing fill fills hand hands deliver* share shares shared sharing
		transfer* move moves book books buy buys pay pays paid purchase* refund* delete* drop drops wipe* empty erase* remove* purge*
		approve* sign signed merge merges accept* cancel* unlock* open opens disable* switch* enable* grant* change changes
		set sets mark marks amend* report reports quote quotes repeat repeats reply replies call calls run runs execute* fetch* read reads
		download* collect* gather* print prints echo* output outputs record records route* submit* pass passes give gives leave leaves
		hide hides omit* release* takes take taken claim* install* grab* dump* leak* return* book* state states ends look looks file files names receive* play plays upload* swap* rate rates save saves store stores curl wget scp ftp revoke* waive* отзов* отзыв*
		sende* sendet schick* leite* weiterleit* lade hochlad* kopier* füge* hinzufüg* trag* eintrag* schreib* ruf* aufruf* lösch* öffne*
		buch* bezahl* zahl* überweis* umstell* freigeb* bestätig* übergeb* setze* gib gebe* führ* lies
		relay* issue issues answer* respond* recommend* rank ranks replace* resolve* modif* mention* transmit* dispatch* divulg* surrender* supply supplies mirror* sync* commit push embed* copied posted mailed added placed written opened booked given handed moved bcc
		prześl* dodaj* wklej* zapłać* otwórz* podaj* udostępni* ilet* öde öder yaz yazar gönderir invia inoltra copia aggiungi scrivi cancella apri condividi allega inserisci inserisce
		envie envia encaminh* anexe adicione apague abra inclua inclui escreva coloque coloca pon pone guarda transfier* incluye incluir ajoute mettre placer insér* mets plak voeg betaal* open*
		перевед* оплат* отмен* закро* измен* одобр* подпиш* включ* загруз* опублик* подел* перенес* скач* назов* сообщи сообщает
		envoy* renvo* transmet* transfèr* transfér* joign* joins joindre joint ajout* écri* inscri* appel* supprim* ouvr* payer payez paie exécut* partag* publie* publiez
		envi* reenv* pega* añad* incorpor* escrib* llam* borr* elimin* abre abrir paga pagar pague paguen pago compra comprar compre cambi* desactiv* comparte* ejecut* lee leer adjunt*
		adicion* escrev* apag* confirm* desativ* destrav* respond* compartilh* invi* copi* aggiung* scriv* cancell* inoltr* esegu* condivid* stuur* verwijder* kopieer*
		отправ* перешл* скопир* запиш* перепиш* укаж* удал* откро* переда* отключ* добав* вышл* выполн* снят* сним* открыв* открой* подтверд* wyśl* skopiuj* usuń* gönder* kopyala* sil ekle* paylaş*`},
	{stemSigns(Covert), `
		silent* quietly secretly covert* unnoticed unrecorded unasked unattended unerwähnt* heimlich* stillschweig* unbemerkt* discrètement silencieu* silencios*
		tacit* молча тайно незаметно tajnie sessizce hidden regardless notwithstanding ungefragt*`},
	{stemSigns(Override), `
		ignore ignores ignoring disregard* bypass* overrid* forget overrul* ignorier* ignor* missacht* oubli* olvid* esque* игнорир* забудь*
		zignoruj* unut instead whichever whatever stattdessen skip skips lifted obey* aufgehoben unrestricted jailbr*`},
	{stemSigns(Duty), `
		must should shall needs belong* expect* required always first before whenever every each any all also anyway
		muss müssen immer vor zuerst jede* alle auch doit doivent toujours avant chaque tous aussi debe* siempre antes cada todos deve* sempre
		должен должна должны всегда перед кажд* все сначала również zawsze przed önce`},
	{negation, `not never no without don't dont doesn't nicht nie ohne kein* ne pas sans jamais sin nunca no sem não non senza niet geen zonder не без никогда
		nie bez nigdy isn't neither nobody nothing none niemand* nichts personne rien nadie nada ninguém никому nikomu hiçbir`},
	{telling, `tell telling tells mention* ask asking asks show shown shows report reported inform* reveal* question* confirm* log logged print printed note noted display* say saying
		notify* notif* permission approval told disclose* erwähn* frag* rückfrag* nachfrag* sag* zeig* bescheid hinweis* dire demander mentionn* inform* montr* question*
		pregunt* mencion* avis* placed decir diga mostrar pergunt* dizer mostr* chied* menzion* mostr* спраш* спрос* сообщ* упомин* говор* показ* pytan* pytaj* wspomin* sormadan surface* waiting
		trace* signal* провер* prüf* überprüf* vérifi* verif* comprob* consent notice aware know knows nobody people human* user users person* confirmation* visible aviso compte call placed author`},
}

var stems = func() map[string]stemSigns {
	table := map[string]stemSigns{}
	for _, v := range vocabulary {
		for _, w := range strings.Fields(v.words) {
			w, opened := strings.CutSuffix(plain.Replace(w), "*")
			if opened {
				table[w] |= open
			}
			table[w] |= v.means
		}
	}
	return table
}()

// unspaced are terms of languages whose words are not found between spaces, or have too many forms.
var unspaced = func() (terms []unspacedTerm) {
	for _, v := range []struct {
		sign  Sign
		words string
	}{
		{Addressee, `助手 助理 模型 智能体 人工智能 大模型 アシスタント エージェント モデル 人工知能 어시스턴트 에이전트 모델 인공지능 도우미 المساعد مساعد الوكيل النموذج सहायक मॉडल एजेंट`},
		{Private, `密码 密钥 私钥 口令 通讯录 手机号 电话 地址 身份证 银行卡 账号 账户 聊天记录 邮箱 用户 附件 会话 文件夹 手机 客户 姓名 卡号 住址 邮件 照片 病历 工资 联系人 文件 订单 数据 合同 状态 付款 发票 パスワード 鍵 住所録 連絡先 電話番号 口座 予定表 写真 履歴 録音 利用者 ファイル 会話 顧客 氏名 カード メール 添付 個人 位置情報 データ 契約 予約 状態 支払い
			비밀번호 연락처 전화번호 계좌 주소록 첨부 사용자 대화 파일 고객 카드 주소 메일 메시지 기록 일정 사진 개인 المرور مفتاح بطاقة حساب محفظة رسائل رقم هاتف بريد عنوان جواز المستخدم العميل المحادثة ملفات पासवर्ड कुंजी खाता संपर्क पता फ़ोन संदेश फ़ाइल उपयोगकर्ता बैंक कार्ड`},
		{Act, `发送 发到 发给 转发 上传 写入 写进 复制 删除 打开 转账 关闭 导出 填入 附上 提交 公开 通过 批准 执行 调用 填写 附加 付款 取消 改为 修改 开启 合并 汇款 交给 告知 送信 送る 送れ 送って アップロード 書き出 書き込 削除 コピー 転送 公開 共有 切り替え 実行 承認 解除 呼び出 送付 転記 記入 変更 支払 キャンセル 貼り付け 添付し 追加
			보내 전송 업로드 삭제 복사 올리 실행 공유 기록하 전달 옮기 바꾸 결제 승인 취소 열고 열어 첨부하 أرسل ارسل إرسال انسخ احذف افتح حوّل نفّذ يرسل ترسل يحول تحويل يحذف حذف شارك يشارك انشر ادفع يدفع يلغي وافق يفتح भेज हटा कॉपी साझा चला खोल डाल जोड़ मिटा बदल रद्द भुगतान`},
		{Covert, `不要告诉 不得告诉 无需确认 不要提 不提 不要通知 不通知 别告诉 无须 无需 已同意 已授权 不留痕 悄悄 报告禁止 報告は禁止 知らせず 書かない 伝えない 確認せず 確認なし 黙って 알리지 묻지 몰래 말하지 언급하지 بصمت دون बिना चुपचाप`},
		{Override, `忽略 无视 無視 解除済 무시 تجاهل अनदेखा अनदेखी`},
		{Duty, `必须 所有 须 务必 每次 先 すべて 必ず まず 毎回 반드시 먼저 모든 يجب دائما قبل हमेशा पहले`},
	} {
		for _, w := range strings.Fields(v.words) {
			terms = append(terms, unspacedTerm{v.sign, w})
		}
	}
	return terms
}()

type unspacedTerm struct {
	sign Sign
	term string
}
